//! What tests build on has to hold itself.

mod postgres;

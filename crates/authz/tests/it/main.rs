//! Tests of the authorization engine through its public face.

mod decisions;

//! Our own files, which always run.

//! Passwords as they are kept: Argon2id hashes in PHC strings, made and checked off the async threads.
//!
//! The cost is moderate on purpose: a test run signs in many times.

use argon2::password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Argon2, Params};

/// Memory of one hash, in KiB.
const MEMORY_KIB: u32 = 8 * 1024;
/// Passes over that memory.
const PASSES: u32 = 1;

/// Hashes a password with a random salt. Takes milliseconds: for [`hash_aside`] in a handler.
pub(crate) fn hash(password: &str) -> Result<String, password_hash::Error> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None)
        .map_err(|_| password_hash::Error::ParamsInvalid)?;
    let hash: PasswordHash = Argon2::from(params).hash_password(password.as_bytes())?;
    Ok(hash.to_string())
}

/// [`hash`] on a thread of its own; nothing if it failed.
pub(crate) async fn hash_aside(password: String) -> Option<String> {
    let hashing = tokio::task::spawn_blocking(move || hash(&password));
    hashing.await.ok()?.ok()
}

/// Whether the password is the one that was hashed; a hash that cannot be read fits no password.
pub(crate) async fn fits(password: String, hash: String) -> bool {
    let checking = tokio::task::spawn_blocking(move || {
        Argon2::default()
            .verify_password(password.as_bytes(), hash.as_str())
            .is_ok()
    });
    checking.await.unwrap_or(false)
}

/// 32 hexadecimal digits (128 bits) from the operating system's generator.
pub(crate) fn random() -> Result<String, password_hash::Error> {
    let bytes = password_hash::try_generate_salt()?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

//! What is asked once and then known: whoever needs it while it is being asked for waits for that one
//! answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use super::lock;

/// Answers that hold for a whole run, by what was asked.
#[derive(Debug)]
pub(super) struct Memo<K, V>(Mutex<BTreeMap<K, Arc<OnceCell<V>>>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord, V: Clone> Memo<K, V> {
    /// The answer, which is asked for if nobody has asked before. One that failed is asked for again.
    pub(super) async fn get<E>(
        &self,
        key: K,
        ask: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        let cell = Arc::clone(lock(&self.0).entry(key).or_default());
        cell.get_or_try_init(|| ask).await.cloned()
    }
}

/// Answers that hold for a moment.
#[derive(Debug)]
pub(super) struct Lately<K, V>(Mutex<BTreeMap<K, Arc<LastAnswer<V>>>>);

type LastAnswer<V> = tokio::sync::Mutex<Option<(Instant, Arc<V>)>>;

impl<K, V> Default for Lately<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord, V> Lately<K, V> {
    /// An answer of at most that age, and whether it is new.
    pub(super) async fn get<E>(
        &self,
        key: K,
        age_max: Duration,
        ask: impl Future<Output = Result<V, E>>,
    ) -> Result<(Arc<V>, bool), E> {
        let cell = Arc::clone(lock(&self.0).entry(key).or_default());
        let mut known = cell.lock().await;
        let young = known
            .as_ref()
            .filter(|(asked, _)| asked.elapsed() < age_max);
        if let Some((_, answer)) = young {
            return Ok((Arc::clone(answer), false));
        }
        let asked = Instant::now();
        let answer = Arc::new(ask.await?);
        *known = Some((asked, Arc::clone(&answer)));
        Ok((answer, true))
    }
}

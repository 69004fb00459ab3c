//! The shards of a stream: each is read once its parents are done.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use lambda_model::{
    LambdaError,
    event_source_mapping::stream::{Lane, StartingPosition, lanes::Division},
    ports::StreamShard,
};
use tokio::{task::JoinSet, time::sleep};

use super::{
    StreamPoller,
    checkpoints::{self, Kept},
    lane::{Ended, LaneReader},
};

/// How often it is seen which shards there are.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The wait after a stream that could not be read.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(1);

impl StreamPoller {
    /// Runs until it is stopped, and what is under way by then has ended.
    pub(in super::super) async fn run(self) {
        let poller = Arc::new(self);
        let (mut tasks, mut read) = (JoinSet::new(), BTreeSet::new());
        while !poller.is_stopped() {
            let wait = match poller.look(&mut tasks, &mut read).await {
                Ok(()) => LOOK_EVERY,
                Err(error) => {
                    let (mapping, error) = (&poller.uuid, error.to_string());
                    tracing::warn!(
                        mapping,
                        error,
                        "the shards of a stream could not be read for its mapping"
                    );
                    UNREADABLE_PAUSE
                }
            };
            tokio::select! {
                () = poller.stopped() => {}
                () = sleep(wait) => {}
                Some(ended) = tasks.join_next() => if let Ok(shard) = ended {
                    read.remove(&shard);
                },
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Starts what may be read, of what is not being read.
    async fn look(
        self: &Arc<Self>,
        tasks: &mut JoinSet<String>,
        read: &mut BTreeSet<String>,
    ) -> Result<(), LambdaError> {
        let arn = &self.mapping.event_source_arn;
        let Some(shards) = self.source.shards(arn).await? else {
            self.last_result.say("PROBLEM: The stream does not exist.");
            return Ok(());
        };
        let kept = checkpoints::read(&self.parts.waiting, &self.uuid).await?;
        for gone in kept.keys().filter(|id| shards.iter().all(|shard| shard.checkpoint() != **id)) {
            checkpoints::forget_shard(&self.parts.waiting, &self.uuid, gone).await?;
        }
        for shard in may_be_read(&shards, &kept) {
            if read.insert(shard.checkpoint()) {
                let kept = kept.get(&shard.checkpoint()).cloned().unwrap_or_default();
                tasks.spawn(Arc::clone(self).read_shard(shard.clone(), kept));
            }
        }
        Ok(())
    }

    /// Reads a shard until it is over, or the poller is stopped; its name.
    async fn read_shard(self: Arc<Self>, shard: StreamShard, kept: Kept) -> String {
        if let Err(error) = self.try_read_shard(&shard, kept).await {
            let (mapping, shard, error) = (&self.uuid, &shard.id, error.to_string());
            tracing::warn!(mapping, shard, error, "a shard could not be read for its mapping");
            sleep(UNREADABLE_PAUSE).await;
        }
        shard.checkpoint()
    }

    async fn try_read_shard(self: &Arc<Self>, shard: &StreamShard, kept: Kept) -> Result<(), LambdaError> {
        let wanted = self.settings.parallelization_factor.max(1);
        let checkpoint = shard.checkpoint();
        let names = (self.uuid.as_str(), checkpoint.as_str());
        let begin = || Lane::at(self.first_place());
        let mut division = kept.division.clone().unwrap_or_else(|| Division::of(wanted));
        // Without it nobody knows what its lanes were of.
        let is_known = kept.division.is_some();
        let known = |index| kept.lanes.get(&index).filter(|_| is_known).cloned().unwrap_or_else(begin);
        let mut lanes: Vec<Lane> = (0..division.lanes).map(known).collect();
        if division.lanes != wanted {
            lanes = division.divide(wanted, &lanes);
        }
        // Kept before anything is read: the lanes mean nothing without it.
        if kept.division.as_ref() != Some(&division) {
            checkpoints::keep_all(&self.parts.waiting, names, &division, &lanes).await?;
        }
        let shared = Arc::new(division);
        let mut tasks = JoinSet::new();
        for (index, lane) in (0..).zip(lanes) {
            let reader = LaneReader::new(Arc::clone(self), shard.clone(), (Arc::clone(&shared), index), lane);
            tasks.spawn(reader.run());
        }
        let ended = tasks.join_all().await;
        if ended.iter().all(|ended| *ended == Ended::Over) {
            let done = Division { is_done: true, ..Division::of(wanted) };
            checkpoints::keep_all(&self.parts.waiting, names, &done, &[]).await?;
        }
        Ok(())
    }

    /// Where a shard begins that nothing is known of: with `LATEST`, one that came later.
    fn first_place(&self) -> u64 {
        match self.settings.starting_position {
            StartingPosition::AtTimestamp(at_ms) => self.source.place_at(at_ms),
            StartingPosition::TrimHorizon | StartingPosition::Latest => 0,
        }
    }
}

/// Shards that are not done, and whose parents are done or gone.
fn may_be_read<'a>(
    shards: &'a [StreamShard],
    kept: &'a BTreeMap<String, Kept>,
) -> impl Iterator<Item = &'a StreamShard> {
    let is_done = |shard: &StreamShard| {
        let kept = kept.get(&shard.checkpoint()).and_then(|kept| kept.division.as_ref());
        kept.is_some_and(|division| division.is_done)
    };
    let is_before = move |parent: &String| shards.iter().any(|shard| shard.id == *parent && !is_done(shard));
    shards.iter().filter(move |shard| !is_done(shard) && !shard.parents.iter().any(is_before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_waits_for_its_parents() {
        let shard = |id: &str, parents: &[&str]| StreamShard {
            id: id.to_owned(),
            parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
            is_open: true,
            end: 0,
            space: 0,
        };
        let shards =
            [shard("a", &["gone"]), shard("b", &["gone"]), shard("c", &["a"]), shard("d", &["a", "b"])];
        let ids = |kept: &BTreeMap<String, Kept>| -> Vec<String> {
            may_be_read(&shards, kept).map(|shard| shard.id.clone()).collect()
        };
        let done = Kept { division: Some(Division { is_done: true, ..Division::of(1) }), ..Kept::default() };
        let mut kept = BTreeMap::new();
        assert_eq!(ids(&kept), ["a", "b"]);
        kept.insert("a@0".to_owned(), done.clone());
        assert_eq!(ids(&kept), ["b", "c"]);
        kept.insert("b@0".to_owned(), done);
        assert_eq!(ids(&kept), ["c", "d"]);
    }
}

//! How many members of the consumer group read for a mapping (KF-02, KF-06): one at first, more while they do not keep up, never more
//! than there are partitions.

use super::super::ProvisionedPollers;

/// How many there are, and what they were found to be behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Members {
    /// Now.
    pub count: u32,
    least: u32,
    most: u32,
    lag_before: u64,
}

impl Members {
    /// At the beginning: one, or as many as are provisioned.
    pub fn of(provisioned: Option<ProvisionedPollers>) -> Self {
        let (least, most) = provisioned.map_or((1, u32::MAX), |pollers| (pollers.minimum, pollers.maximum));
        Self { count: least.max(1), least: least.max(1), most, lag_before: 0 }
    }

    /// Takes in how many records they are behind, and how many partitions there are.
    pub fn evaluate(&mut self, lag: u64, partitions: u32) {
        let wanted = match lag {
            0 => self.count / 2,
            // They catch up as they are.
            _ if lag < self.lag_before => self.count,
            _ => self.count.saturating_mul(2),
        };
        self.lag_before = lag;
        self.count = wanted.min(self.most).min(partitions).max(self.least.min(partitions)).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kf_02_members_come_while_they_do_not_keep_up_and_go_when_nothing_is_left() {
        let mut members = Members::of(None);
        let counts: Vec<u32> =
            [(0, 6), (100, 6), (90, 6), (200, 6), (300, 6), (300, 6), (0, 6), (0, 6), (0, 6)]
                .into_iter()
                .map(|(lag, partitions)| {
                    members.evaluate(lag, partitions);
                    members.count
                })
                .collect();
        assert_eq!(counts, [1, 2, 2, 4, 6, 6, 3, 1, 1]);
    }

    #[test]
    fn kf_06_provisioned_members_stay_within_their_bounds() {
        let mut members = Members::of(Some(ProvisionedPollers { minimum: 2, maximum: 3 }));
        assert_eq!(members.count, 2);
        members.evaluate(10, 8);
        assert_eq!(members.count, 3);
        members.evaluate(0, 8);
        assert_eq!(members.count, 2);
        members.evaluate(0, 1);
        assert_eq!(members.count, 1);
    }
}

//! Exit codes: documented, stable, and what wins where several hold.

use std::process::ExitCode;

/// How a command ended; the number is its exit code.
///
/// Where several hold, the first of this order wins: usage, failed, no data, invalid, not valid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Exit {
    /// Done, and no invalid route was found.
    Done = 0,
    /// The command failed.
    Failed = 1,
    /// The arguments or the configuration are wrong.
    Usage = 2,
    /// An invalid route was found.
    Invalid = 3,
    /// `--require-valid`, and a route is not valid.
    NotValid = 4,
    /// There are no data, or they are older than an explicit `--max-age`.
    NoData = 5,
}

impl Exit {
    fn rank(self) -> u8 {
        match self {
            Exit::Usage => 5,
            Exit::Failed => 4,
            Exit::NoData => 3,
            Exit::Invalid => 2,
            Exit::NotValid => 1,
            Exit::Done => 0,
        }
    }

    /// Returns the one of both that wins.
    pub fn and(self, other: Exit) -> Exit {
        if other.rank() > self.rank() { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_several_hold_the_documented_one_wins() {
        let order = [Exit::Usage, Exit::Failed, Exit::NoData, Exit::Invalid, Exit::NotValid];
        for (index, stronger) in order.iter().enumerate() {
            for weaker in order.iter().skip(index).chain([&Exit::Done]) {
                assert_eq!(stronger.and(*weaker), *stronger);
                assert_eq!(weaker.and(*stronger), *stronger);
            }
        }
    }
}

//! The filter `if`: one of two texts.
//!
//! Duty: Dovecot 2.4's comparisons of numbers and texts; patterns with `*` and `?`. Not its duty: regular expressions,
//! which are refused when the text is read. Tests: below.

use super::Unexpandable;
use super::filter::{Argument, Data, Lookup};

/// `%{user | if('eq', 'ann', 'yes', 'no')}`, or with what is compared in front: `%{if(user, 'eq', …)}`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Condition {
    /// Where nothing stands in front of the filter.
    pub(super) left: Option<Argument>,
    pub(super) operator: Operator,
    pub(super) right: Argument,
    pub(super) then: Argument,
    pub(super) otherwise: Argument,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// Of numbers.
    Number(Order),
    /// Of texts, byte by byte.
    Text(Order),
    Like,
    NotLike,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    NotEqual,
}

impl Operator {
    /// As they are written.
    pub(super) const ALL: [(&'static str, Self); 14] = [
        ("==", Self::Number(Order::Equal)),
        ("<", Self::Number(Order::Less)),
        ("<=", Self::Number(Order::LessOrEqual)),
        (">", Self::Number(Order::Greater)),
        (">=", Self::Number(Order::GreaterOrEqual)),
        ("!=", Self::Number(Order::NotEqual)),
        ("eq", Self::Text(Order::Equal)),
        ("lt", Self::Text(Order::Less)),
        ("le", Self::Text(Order::LessOrEqual)),
        ("gt", Self::Text(Order::Greater)),
        ("ge", Self::Text(Order::GreaterOrEqual)),
        ("ne", Self::Text(Order::NotEqual)),
        ("*", Self::Like),
        ("!*", Self::NotLike),
    ];

    fn compare(self, left: &str, right: &str) -> Result<bool, Unexpandable> {
        Ok(match self {
            Self::Number(order) => {
                let number = |text: &str| text.parse::<i64>().map_err(|_| Unexpandable);
                order.holds(number(left)?.cmp(&number(right)?))
            }
            Self::Text(order) => order.holds(left.cmp(right)),
            Self::Like => is_like(left.as_bytes(), right.as_bytes()),
            Self::NotLike => !is_like(left.as_bytes(), right.as_bytes()),
        })
    }
}

impl Order {
    fn holds(self, found: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => found.is_eq(),
            Self::NotEqual => found.is_ne(),
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
        }
    }
}

impl Condition {
    pub(super) fn arguments(&self) -> Vec<&Argument> {
        let Self { left, operator: _, right, then, otherwise } = self;
        left.iter().chain([right, then, otherwise]).collect()
    }

    pub(super) fn arguments_mut(&mut self) -> Vec<&mut Argument> {
        let Self { left, operator: _, right, then, otherwise } = self;
        left.iter_mut().chain([right, then, otherwise]).collect()
    }

    pub(super) fn decide(&self, data: &Data, lookup: Lookup<'_, '_>) -> Result<Data, Unexpandable> {
        let left = match &self.left {
            Some(argument) => argument.value(lookup),
            None => data.clone().finished()?,
        };
        let holds = self.operator.compare(&left, &self.right.value(lookup))?;
        let chosen = if holds { &self.then } else { &self.otherwise };
        Ok(Data::text(chosen.value(lookup)))
    }
}

/// Wildcards `*` and `?`. Linear with one remembered star, so that no pattern is slow.
fn is_like(text: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut position) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(position) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(wanted) if *wanted == b'?' || wanted == byte => {
                at += 1;
                position += 1;
            }
            _ => {
                let Some((star_at, star_position)) = star else { return false };
                star = Some((star_at, star_position + 1));
                at = star_at + 1;
                position = star_position + 1;
            }
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

//! `generate`: values that coffer makes.
//!
//! What both resources and the actions use of it: reading the argument ([`order`]), the one
//! decision that plan and apply share ([`making()`]), what plan and state tell of a value ([`told`]),
//! and making it ([`made`]). What a recipe gives is [`domain::generate`](crate::domain::generate)'s.

mod made;
mod making;
mod order;
mod told;

pub(super) use made::Made;
pub(super) use making::{Making, making, salt};
pub(super) use order::{Order, read, validate};
pub(super) use told::{caution, due, plan_told, tell, told_half};

pub(super) use super::schema::generate::ATTRIBUTE;

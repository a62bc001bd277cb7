//! What commands are carried out with.

use std::rc::Rc;

use super::DoveadmSettings;
use crate::control::admin::Admin;
use crate::control::current::Current;
use crate::control::geodb::GeoDb;
use crate::control::orders::Orders;
use crate::control::resolver::Resolver;
use crate::control::userdbs::UserDbs;
use crate::share::exchange::Exchange;

/// Everything that commands ask.
#[derive(Debug)]
pub(in crate::control) struct Desk {
    pub(in crate::control) admin: Rc<Admin>,
    pub(in crate::control) exchange: Exchange,
    pub(in crate::control) geodb: GeoDb,
    pub(in crate::control) userdbs: UserDbs,
    pub(in crate::control) resolver: Resolver,
    pub(in crate::control) orders: Orders,
    pub(in crate::control) settings: Current<DoveadmSettings>,
}

impl Desk {
    /// A line for the log about a client.
    pub(super) fn note(&self, text: String) {
        self.admin.note(text);
    }
}

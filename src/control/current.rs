//! A value of the control core that a reload replaces.

use std::cell::RefCell;
use std::rc::Rc;

/// What is in force. Clones are the same place.
#[derive(Debug)]
pub struct Current<T>(Rc<RefCell<Rc<T>>>);

impl<T> Clone for Current<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Current<T> {
    /// A place that holds `value` at first.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(Rc::new(RefCell::new(Rc::new(value))))
    }

    /// What is in force now. Work that has begun with it ends with it.
    #[must_use]
    pub fn now(&self) -> Rc<T> {
        Rc::clone(&self.0.borrow())
    }

    /// Another value is in force from now on.
    pub fn replace(&self, value: T) {
        *self.0.borrow_mut() = Rc::new(value);
    }
}

//! The LocalDB of a Hale that does not run: for commands that are typed meanwhile.

use std::os::unix::fs::MetadataExt as _;

use super::LocalDbSettings;
use super::store::{LocalDbError, LocalGroup, LocalUser, Store, StoreFault};

/// The file, opened by a command. Its calls block.
#[derive(Debug)]
pub struct LocalFile(Store);

impl LocalFile {
    /// Opens the file.
    ///
    /// # Errors
    /// It does not exist, a running Hale has it, or it is none; the message says what helps.
    pub fn open(settings: &LocalDbSettings) -> Result<Self, LocalDbError> {
        if !settings.path.exists() {
            let path = settings.path.display();
            return Err(LocalDbError::NotInUse(format!(
                "{path} does not exist: Hale has not run here yet"
            )));
        }
        let mut settings = settings.clone();
        // Root may look into the file of the user that Hale runs as.
        if settings.owner == 0
            && let Ok(file) = std::fs::symlink_metadata(&settings.path)
        {
            settings.owner = file.uid();
        }
        Store::open(&settings).map(Self).map_err(told)
    }

    /// A user's row.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn user(&mut self, user: &str) -> Result<Option<LocalUser>, LocalDbError> {
        let found = self.0.user(user).map_err(told)?;
        Ok(found.map(|user| LocalUser { row: user.row, used_at: user.used_at }))
    }

    /// Users behind `after`, by name, of one group or all; `most` at a time.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn users(
        &mut self,
        group: Option<&str>,
        after: &str,
        most: u64,
    ) -> Result<Vec<LocalUser>, LocalDbError> {
        self.0.users_of(group, after, most).map_err(told)
    }

    /// Groups by name, one or all.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn groups(&mut self, name: Option<&str>) -> Result<Vec<LocalGroup>, LocalDbError> {
        self.0.groups(name).map_err(told)
    }

    /// Removes a user; false: there is none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remove_user(&mut self, user: &str) -> Result<bool, LocalDbError> {
        self.0.remove_user(user).map_err(told)
    }

    /// Removes a group; false: there is none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remove_group(&mut self, group: &str) -> Result<bool, LocalDbError> {
        self.0.remove_group(group).map_err(told)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err wants it")]
fn told(fault: StoreFault) -> LocalDbError {
    LocalDbError::NotInUse(fault.to_string())
}

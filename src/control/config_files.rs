//! The configuration's files, for those who read it: the command line, and a reload.

use std::io;
use std::path::Path;

use crate::config::{self, Source};

/// The file system, as the configuration reader sees it.
#[derive(Clone, Copy, Debug)]
pub struct ConfigFiles;

impl Source for ConfigFiles {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        use io::Read as _;
        let mut bytes = Vec::new();
        let most = u64::try_from(config::raw::FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
        std::fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn list(&mut self, folder: &Path) -> io::Result<Vec<String>> {
        // `hale -c hale.conf` with `!include *.conf`: the folder of a bare file name is empty.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let names =
            std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(Result::transpose).collect()
    }

    fn environment(&mut self, name: &str) -> Option<Vec<u8>> {
        std::env::var_os(name).map(std::os::unix::ffi::OsStringExt::into_vec)
    }
}

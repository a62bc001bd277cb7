//! The status page: values become HTML.
//!
//! Decides: what a page is made of (`model`), how it is written and escaped (`html`, `render`), how figures of the last half hour are
//! kept and drawn (`history`, `sparkline`), its style and its script (`assets`). Does not: look anything up, know who may see it, serve
//! it; `control::stats` does. Every text is escaped where it is written, so that a user or host of any name is shown and
//! never read as markup. Tests: in the files; in a real browser: `tests/appliance/e2e/status_page.rs`.
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

mod assets;
mod history;
mod html;
mod model;
mod render;
mod sparkline;

pub use assets::{Asset, asset};
pub use history::{Figures, History, HostFigures, Standing};
pub use model::{
    Cell, Column, Entry, Field, Order, Page, Refresh, Section, Tab, Table, Target, Tile, Tone,
};
pub use sparkline::{Course, Strip};

//! Pure tests: properties, comparisons with other implementations, and the replay of stored fuzz inputs.

mod proxy_header;

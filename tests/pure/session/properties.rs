//! What holds for every session, whatever happens to it and in which order.

//! Dialogues as a whole.

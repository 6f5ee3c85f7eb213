//! Running text: how it is cut into what an engine takes at once.

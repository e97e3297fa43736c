//! Sets of payload items, and files that hold them.

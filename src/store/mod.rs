//! The cache: objects by hash, what each repository holds, the last good state.

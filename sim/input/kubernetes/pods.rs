//! Lists of pods, for questions about what runs.

//! What a vault can hold, checked against what a plan wants to put there.

//! What commands tell.

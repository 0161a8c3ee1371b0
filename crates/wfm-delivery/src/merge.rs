//! Settings laid over their defaults: what is not written keeps its default, in every kind of file and request.

use serde_json::Value;

/// Puts `written` over `base`. Objects are merged, everything else is replaced.
pub(crate) fn merge(base: &mut Value, written: Value) {
    match (base, written) {
        (Value::Object(base), Value::Object(written)) => {
            for (name, value) in written {
                match base.get_mut(&name) {
                    Some(known) => merge(known, value),
                    // Left in, so that it is refused by its name.
                    None => {
                        base.insert(name, value);
                    }
                }
            }
        }
        (base, written) => *base = written,
    }
}

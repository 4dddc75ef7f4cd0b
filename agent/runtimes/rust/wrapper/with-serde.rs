//! Arguments and results by serde.

use crate::json;

pub trait FromArgument: Sized {
    fn from_argument(text: &'static str) -> Result<Self, String>;
}

pub trait IntoResult {
    fn into_result(&self) -> Result<String, (String, String)>;
}

impl<T: serde::Deserialize<'static>> FromArgument for T {
    fn from_argument(text: &'static str) -> Result<T, String> {
        serde_json::from_str(text).or_else(|error| {
            // A `&str` cannot be borrowed from text with escapes, but from a string without them.
            let json::Value::Text(plain) = json::parse(text) else { return Err(error.to_string()) };
            let leaked: &'static serde_json::Value = Box::leak(Box::new(serde_json::Value::String(plain)));
            T::deserialize(leaked).map_err(|_| error.to_string())
        })
    }
}

impl<T: serde::Serialize> IntoResult for T {
    fn into_result(&self) -> Result<String, (String, String)> {
        serde_json::to_string(self).map_err(|error| ("$".to_string(), error.to_string()))
    }
}

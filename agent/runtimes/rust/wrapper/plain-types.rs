//! Arguments and results of the standard library's types, for scripts that use no crates.

use crate::json::{self, Value};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::{Display, Write};
use std::hash::Hash;

pub trait FromArgument: Sized {
    fn from_value(value: Value) -> Result<Self, String>;

    fn from_argument(text: &'static str) -> Result<Self, String> {
        Self::from_value(json::parse(text))
    }
}

/// Where a value that is not JSON stands, and why.
pub type Unfit = (String, String);

pub trait IntoResult {
    fn write(&self, path: &mut String, out: &mut String) -> Result<(), Unfit>;

    fn into_result(&self) -> Result<String, Unfit> {
        let mut out = String::new();
        self.write(&mut String::from("$"), &mut out)?;
        Ok(out)
    }
}

fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Number(text) => text.clone(),
        Value::Text(_) => "a string".to_string(),
        Value::List(_) => "a list".to_string(),
        Value::Object(_) => "an object".to_string(),
    }
}

macro_rules! numbers {
    ($word:literal: $($type:ty),*) => {$(
        impl FromArgument for $type {
            fn from_value(value: Value) -> Result<Self, String> {
                match &value {
                    Value::Number(text) => text.parse().map_err(|error| format!("{text}: {error}")),
                    other => Err(format!("expected {}, found {}", $word, found(other))),
                }
            }
        }
    )*};
}
numbers!("an integer": i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);
numbers!("a number": f32, f64);

impl FromArgument for bool {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Bool(value) => Ok(value),
            other => Err(format!("expected true or false, found {}", found(&other))),
        }
    }
}

impl FromArgument for String {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Text(text) => Ok(text),
            other => Err(format!("expected a string, found {}", found(&other))),
        }
    }
}

impl FromArgument for &'static str {
    fn from_value(value: Value) -> Result<Self, String> {
        Ok(Box::leak(String::from_value(value)?.into_boxed_str()))
    }
}

impl FromArgument for char {
    fn from_value(value: Value) -> Result<Self, String> {
        let text = String::from_value(value)?;
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(char), None) => Ok(char),
            _ => Err("expected a single character".to_string()),
        }
    }
}

impl FromArgument for () {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(()),
            other => Err(format!("expected null, found {}", found(&other))),
        }
    }
}

impl<T: FromArgument> FromArgument for Option<T> {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}

impl<T: FromArgument> FromArgument for Box<T> {
    fn from_value(value: Value) -> Result<Self, String> {
        T::from_value(value).map(Box::new)
    }
}

fn list<T: FromArgument, L: FromIterator<T>>(value: Value) -> Result<L, String> {
    match value {
        Value::List(items) => {
            items.into_iter().enumerate().map(|(at, item)| T::from_value(item).map_err(|reason| format!("[{at}]: {reason}"))).collect()
        }
        other => Err(format!("expected a list, found {}", found(&other))),
    }
}

fn object<T: FromArgument, M: FromIterator<(String, T)>>(value: Value) -> Result<M, String> {
    match value {
        Value::Object(items) => items
            .into_iter()
            .map(|(name, item)| match T::from_value(item) {
                Ok(value) => Ok((name, value)),
                Err(reason) => Err(format!("{name}: {reason}")),
            })
            .collect(),
        other => Err(format!("expected an object, found {}", found(&other))),
    }
}

impl<T: FromArgument> FromArgument for Vec<T> {
    fn from_value(value: Value) -> Result<Self, String> {
        list(value)
    }
}
impl<T: FromArgument> FromArgument for VecDeque<T> {
    fn from_value(value: Value) -> Result<Self, String> {
        list(value)
    }
}
impl<T: FromArgument + Eq + Hash> FromArgument for HashSet<T> {
    fn from_value(value: Value) -> Result<Self, String> {
        list(value)
    }
}
impl<T: FromArgument + Ord> FromArgument for BTreeSet<T> {
    fn from_value(value: Value) -> Result<Self, String> {
        list(value)
    }
}
impl<T: FromArgument> FromArgument for HashMap<String, T> {
    fn from_value(value: Value) -> Result<Self, String> {
        object(value)
    }
}
impl<T: FromArgument> FromArgument for BTreeMap<String, T> {
    fn from_value(value: Value) -> Result<Self, String> {
        object(value)
    }
}

macro_rules! shown {
    ($($type:ty),*) => {$(
        impl IntoResult for $type {
            fn write(&self, _path: &mut String, out: &mut String) -> Result<(), Unfit> {
                let _ = write!(out, "{self}");
                Ok(())
            }
        }
    )*};
}
shown!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, bool);

macro_rules! floats {
    ($($type:ty),*) => {$(
        impl IntoResult for $type {
            fn write(&self, path: &mut String, out: &mut String) -> Result<(), Unfit> {
                if !self.is_finite() {
                    return Err((path.clone(), format!("{self} is not a JSON number")));
                }
                let _ = write!(out, "{self:?}");
                Ok(())
            }
        }
    )*};
}
floats!(f32, f64);

macro_rules! texts {
    ($($type:ty),*) => {$(
        impl IntoResult for $type {
            fn write(&self, _path: &mut String, out: &mut String) -> Result<(), Unfit> {
                json::quote(self, out);
                Ok(())
            }
        }
    )*};
}
texts!(str, String, Cow<'_, str>);

impl IntoResult for char {
    fn write(&self, _path: &mut String, out: &mut String) -> Result<(), Unfit> {
        json::quote(self.encode_utf8(&mut [0; 4]), out);
        Ok(())
    }
}

impl IntoResult for () {
    fn write(&self, _path: &mut String, out: &mut String) -> Result<(), Unfit> {
        out.push_str("null");
        Ok(())
    }
}

impl<T: IntoResult> IntoResult for Option<T> {
    fn write(&self, path: &mut String, out: &mut String) -> Result<(), Unfit> {
        match self {
            Some(value) => value.write(path, out),
            None => ().write(path, out),
        }
    }
}

macro_rules! through {
    ($($type:ty),*) => {$(
        impl<T: IntoResult + ?Sized> IntoResult for $type {
            fn write(&self, path: &mut String, out: &mut String) -> Result<(), Unfit> {
                (**self).write(path, out)
            }
        }
    )*};
}
through!(&T, Box<T>, std::rc::Rc<T>, std::sync::Arc<T>);

fn step(path: &mut String, name: &str, item: &dyn IntoResult, out: &mut String) -> Result<(), Unfit> {
    let length = path.len();
    path.push_str(name);
    item.write(path, out)?;
    path.truncate(length);
    Ok(())
}

fn write_list<'a>(items: impl Iterator<Item = &'a dyn IntoResult>, path: &mut String, out: &mut String) -> Result<(), Unfit> {
    out.push('[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        step(path, &format!("[{at}]"), item, out)?;
    }
    out.push(']');
    Ok(())
}

macro_rules! lists {
    ($($type:ty),*) => {$(
        impl<T: IntoResult> IntoResult for $type {
            fn write(&self, path: &mut String, out: &mut String) -> Result<(), Unfit> {
                write_list(self.iter().map(|item| item as &dyn IntoResult), path, out)
            }
        }
    )*};
}
lists!([T], Vec<T>, VecDeque<T>, HashSet<T>, BTreeSet<T>);

impl<T: IntoResult, const N: usize> IntoResult for [T; N] {
    fn write(&self, path: &mut String, out: &mut String) -> Result<(), Unfit> {
        self.as_slice().write(path, out)
    }
}

macro_rules! objects {
    ($($type:ty),*) => {$(
        impl<K: Display, V: IntoResult> IntoResult for $type {
            fn write(&self, path: &mut String, out: &mut String) -> Result<(), Unfit> {
                out.push('{');
                for (at, (key, value)) in self.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    let key = key.to_string();
                    json::quote(&key, out);
                    out.push(':');
                    step(path, &format!(".{key}"), value, out)?;
                }
                out.push('}');
                Ok(())
            }
        }
    )*};
}
objects!(HashMap<K, V>, BTreeMap<K, V>);

macro_rules! tuples {
    ($($name:ident $at:tt),*) => {
        impl<$($name: IntoResult),*> IntoResult for ($($name,)*) {
            fn write(&self, path: &mut String, out: &mut String) -> Result<(), Unfit> {
                write_list([$(&self.$at as &dyn IntoResult),*].into_iter(), path, out)
            }
        }
        impl<$($name: FromArgument),*> FromArgument for ($($name,)*) {
            fn from_value(value: Value) -> Result<Self, String> {
                let mut items = match value {
                    Value::List(items) => items.into_iter(),
                    other => return Err(format!("expected a list, found {}", found(&other))),
                };
                let tuple = ($($name::from_value(items.next().unwrap_or(Value::Null)).map_err(|reason| format!("[{}]: {reason}", $at))?,)*);
                match items.next() {
                    None => Ok(tuple),
                    Some(_) => Err("the list is too long".to_string()),
                }
            }
        }
    };
}
tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);

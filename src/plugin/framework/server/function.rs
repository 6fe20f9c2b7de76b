//! Calling provider functions.
//!
//! Responsible for decoding arguments by the signature and for null and unknown arguments, which a
//! function sees only when it asks for them. Source: protocol RPC CallFunction.

use super::super::diag::Diagnostics;
use super::super::object::{FunctionError, Parameter, Signature};
use super::super::value::Value;
use super::Server;
use super::call::{Doing, guarded_sync};
use super::catalogue::{FunctionEntry, find};
use super::exchange::Encoded;

impl Server {
    /// CallFunction.
    ///
    /// # Errors
    /// What the user reads, and the argument it is about.
    pub fn call_function(
        &self,
        name: &str,
        arguments: &[Encoded],
    ) -> Result<Encoded, FunctionError> {
        let mut diags = Diagnostics::new();
        let entry = find(&self.catalogue.functions, "function", name, &mut diags)
            .ok_or_else(|| failure(&diags, None))?;
        let values = decode(&entry.signature, arguments)?;
        let result = call(entry, name, values)?;
        let encoded = Encoded::result(&result, &entry.signature.result, &mut diags);
        if diags.has_errors() { Err(failure(&diags, None)) } else { Ok(encoded) }
    }
}

fn call(entry: &FunctionEntry, name: &str, arguments: Vec<Value>) -> Result<Value, FunctionError> {
    let mut unknown = false;
    for ((index, value), parameter) in (0..).zip(&arguments).zip(parameters(&entry.signature)) {
        if value.is_null() && !parameter.allow_null {
            let message = format!("{} must not be null", parameter.name);
            return Err(FunctionError { message, argument: Some(index) });
        }
        unknown |= !value.is_wholly_known() && !parameter.allow_unknown;
    }
    if unknown {
        return Ok(Value::UNKNOWN);
    }
    let doing = Doing { operation: "the call", type_name: name };
    guarded_sync(doing, || entry.object.call(arguments)).map_err(|panic| failure(&panic, None))?
}

fn decode(signature: &Signature, arguments: &[Encoded]) -> Result<Vec<Value>, FunctionError> {
    let fixed = signature.parameters.len();
    let fits = arguments.len() == fixed || signature.variadic.is_some() && arguments.len() > fixed;
    if !fits {
        let message = format!("{fixed} arguments are needed, {} are given", arguments.len());
        return Err(FunctionError { message, argument: None });
    }
    (0..)
        .zip(arguments)
        .zip(parameters(signature))
        .map(|((index, argument), parameter)| {
            let mut diags = Diagnostics::new();
            argument
                .decode(&parameter.ty, parameter.name, &mut diags)
                .ok_or_else(|| failure(&diags, Some(index)))
        })
        .collect()
}

/// The parameter of each argument: the fixed ones, then the variadic one for all others.
fn parameters(signature: &Signature) -> impl Iterator<Item = &Parameter> {
    let rest = signature.variadic.iter().flat_map(std::iter::repeat);
    signature.parameters.iter().chain(rest)
}

fn failure(diags: &Diagnostics, argument: Option<i64>) -> FunctionError {
    let texts: Vec<_> = diags.iter().map(|d| format!("{}. {}", d.summary, d.detail)).collect();
    FunctionError { message: texts.join(" "), argument }
}

//! Functions.
//!
//! Source: protocol RPC CallFunction.

use super::super::framework::server::Server;
use super::message::{dynamic, encoded};
use super::proto;
use super::proto::call_function;

pub(super) fn call(server: &Server, request: call_function::Request) -> call_function::Response {
    let arguments: Vec<_> = request.arguments.into_iter().map(|a| encoded(Some(a))).collect();
    match server.call_function(&request.name, &arguments) {
        Ok(result) => call_function::Response { result: dynamic(result), error: None },
        Err(problem) => call_function::Response {
            result: None,
            error: Some(proto::FunctionError {
                text: problem.message,
                function_argument: problem.argument,
            }),
        },
    }
}

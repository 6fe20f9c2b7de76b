//! A provider service without a provider: every call is answered with Unimplemented.
//!
//! Stands in until the provider is composed, so that the transport can be tried alone.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;

/// Offers nothing.
#[derive(Debug, Clone, Copy)]
pub struct Nothing;

impl NamedService for Nothing {
    const NAME: &'static str = "tfplugin6.Provider";
}

impl Service<Request<Body>> for Nothing {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<Body>) -> Self::Future {
        ready(Ok(Status::unimplemented("there is no provider").into_http()))
    }
}

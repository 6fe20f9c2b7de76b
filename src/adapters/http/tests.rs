//! The loop around a request, against a scripted server.

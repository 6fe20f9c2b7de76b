//! Process start, handshake, TLS, listener and the go-plugin side services.

//! The node without a socket: conversations over typed requests.

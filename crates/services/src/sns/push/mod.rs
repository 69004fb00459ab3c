//! Mobile push: applications of a platform, and the devices that have them. What is pushed is kept to be read.

mod applications;
mod endpoints;
mod record;

pub(super) use record::EndpointKey;

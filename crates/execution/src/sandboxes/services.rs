//! What serves the processes of a sandbox, whoever's they are: made with it, told of the function when there is one.

use std::{
    io,
    net::{TcpListener, UdpSocket},
    os::fd::OwnedFd,
    sync::Arc,
};

use lambda_model::{
    platform_log::Subscription,
    ports::{RunnableVersion, ServedEndpoint},
};
use sandbox::Sandbox;
use tokio::{net::UnixStream, sync::mpsc};

use crate::{
    context::Context,
    environment::{StartError, name_server::NameServer, xray::XrayDaemon},
    environment_api::EnvironmentApi,
    extensions_api::FunctionMetadata,
    runtime_api::RuntimeEvent,
    telemetry_api::Telemetry,
    variables::Addresses,
};

/// See the module's doc.
pub(crate) struct Services {
    /// Where processes find them.
    pub addresses: Addresses,
    /// Readable when the sandbox has an event.
    pub control: Arc<UnixStream>,
    /// Runtime API, Extensions API, Telemetry API.
    pub api: EnvironmentApi,
    /// What the runtime does.
    pub events: mpsc::UnboundedReceiver<RuntimeEvent>,
    /// What extensions are told of logs and events.
    pub telemetry: Arc<Telemetry>,
    /// Those that want to be told.
    pub subscriptions: mpsc::UnboundedReceiver<Subscription>,
    /// The X-Ray daemon.
    pub xray: XrayDaemon,
    /// Where something is reached whose name can be looked up.
    pub names: Option<NameServer>,
    /// The AWS endpoint of this server.
    pub endpoint: Box<dyn ServedEndpoint>,
}

impl Services {
    /// Serves on the sockets of a new sandbox, in the order in which the specification names them.
    ///
    /// # Errors
    /// When the sandbox handed over none, or the reactor cannot take them.
    pub(super) fn of(sandbox: &mut Sandbox, context: &Context) -> Result<Self, StartError> {
        let mut listeners = sandbox.take_listeners().into_iter();
        let mut listener = || -> Result<TcpListener, StartError> { listeners.next().ok_or_else(missing) };
        let (runtime_api, endpoint) = (listener()?, listener()?);
        let mut datagrams = sandbox.take_datagram_sockets().into_iter();
        let (xray, names): (UdpSocket, _) = (datagrams.next().ok_or_else(missing)?, datagrams.next());
        let addresses = Addresses {
            runtime_api: runtime_api.local_addr()?,
            endpoint: endpoint.local_addr()?,
            xray: xray.local_addr()?,
        };
        let (telemetry, subscriptions) = Telemetry::new();
        let telemetry = Arc::new(telemetry);
        let streaming = context.configuration.streaming;
        let (api, events) = EnvironmentApi::serve(runtime_api, streaming, Arc::clone(&telemetry))?;
        let names = names.map(|socket| NameServer::serve(socket, Arc::clone(&context.resolver)));
        Ok(Self {
            addresses,
            control: sandbox.watched_by(readiness)?,
            api,
            events,
            telemetry,
            subscriptions,
            xray: XrayDaemon::serve(xray, Arc::clone(&context.traces))?,
            names: names.transpose()?,
            endpoint: context.endpoint.serve(endpoint),
        })
    }

    /// Says for which function they serve.
    pub(crate) fn serve_for(&self, version: &RunnableVersion) {
        self.xray.keep_for(&version.key);
        let function = FunctionMetadata {
            name: version.key.name.clone(),
            version: version.version.clone(),
            handler: version.configuration.handler.clone(),
            account_id: version.key.account_id.clone(),
        };
        let _ = self.api.shared.extensions.function.set(function);
    }
}

/// A socket of a sandbox's, for the reactor only: what comes is read by the sandbox.
pub(crate) fn readiness(descriptor: OwnedFd) -> io::Result<UnixStream> {
    let stream = std::os::unix::net::UnixStream::from(descriptor);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

fn missing() -> StartError {
    StartError::Descriptors(io::Error::other("the sandbox handed over no listener"))
}

//! Where the broker is.

use std::str::FromStr;

use percent_encoding::percent_decode_str;

/// The ports that IANA has for MQTT, in the clear and with TLS.
const PORTS: (u16, u16) = (1883, 8883);

/// `mqtt://HOST:PORT`, or `mqtts://USER:PASSWORD@HOST`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct MqttBroker {
    pub host: String,
    pub port: u16,
    pub is_encrypted: bool,
    /// A name and a password.
    pub login: Option<(String, String)>,
}

impl std::fmt::Debug for MqttBroker {
    /// A password is never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl FromStr for MqttBroker {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // What is wrong is told without the text, which may have a password.
        let told = || "not of the form mqtt://HOST:PORT or mqtts://USER:PASSWORD@HOST:PORT".to_owned();
        let uri: http::Uri = text.parse().map_err(|_| told())?;
        let is_encrypted = match uri.scheme_str() {
            Some("mqtt") => false,
            Some("mqtts") => true,
            _ => return Err(told()),
        };
        let authority = uri.authority().ok_or_else(told)?;
        let login = authority.as_str().rsplit_once('@').map(|(login, _)| {
            let (name, password) = login.split_once(':').unwrap_or((login, ""));
            let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            (decoded(name), decoded(password))
        });
        let port = authority.port_u16().unwrap_or(if is_encrypted { PORTS.1 } else { PORTS.0 });
        Ok(Self { host: authority.host().to_owned(), port, is_encrypted, login })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_has_an_address_and_perhaps_a_login() {
        let broker: MqttBroker = "mqtt://broker.example".parse().unwrap();
        assert_eq!((broker.host.as_str(), broker.port, broker.login), ("broker.example", 1883, None));
        let broker: MqttBroker = "mqtts://me:s%40cret@127.0.0.1:18883".parse().unwrap();
        assert_eq!((broker.port, broker.is_encrypted), (18_883, true));
        assert_eq!(broker.login, Some(("me".into(), "s@cret".into())));
        assert!(!format!("{:?}", "mqtt://me:secret@h".parse::<MqttBroker>()).contains("secret"));
        for wrong in ["", "broker", "http://broker", "mqtt://"] {
            assert!(wrong.parse::<MqttBroker>().is_err(), "{wrong}");
        }
    }
}

//! The ways out of this server, as the service sees them.

use bytes::Bytes;
use lambda_model::ports::BoxFuture;

/// Something that is posted to somebody's server.
#[derive(Debug, Clone)]
pub struct Post {
    /// `http://` or `https://`.
    pub url: String,
    /// Beside those that every request has.
    pub headers: Vec<(&'static str, String)>,
    /// What is posted.
    pub body: String,
}

/// A request to somebody's server.
#[derive(Debug, Clone)]
pub struct Call {
    /// `POST`, say.
    pub method: String,
    /// `http://` or `https://`.
    pub url: String,
    /// Beside those that every request has.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: String,
}

/// Its answer.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Of HTTP.
    pub status: u16,
    /// As much of it as a token needs.
    pub body: Bytes,
}

/// A mail.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The address that it goes to.
    pub to: String,
    /// The name of who sends it.
    pub from_name: Option<String>,
    /// One line.
    pub subject: String,
    /// All of it.
    pub text: String,
}

/// Why something did not get out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It may go well another time.
    Passing(String),
    /// It never will.
    Lasting(String),
}

/// What takes messages out of this server.
pub trait Outside: Send + Sync {
    /// Posts, and gives the status that is answered; redirects are not followed.
    fn post(&self, post: Post) -> BoxFuture<'_, Result<u16, Refusal>>;

    /// Asks, and gives the answer; redirects are not followed.
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Answered, Refusal>>;

    /// Hands a mail to the relay; `None` where there is none.
    fn mail(&self, mail: Mail) -> Option<BoxFuture<'_, Result<(), Refusal>>>;
}

//! Tasks that send a request to an HTTP server.

use crate::property::{BoundedDuration, BoundedInt, Property, Word};
use crate::template::Template;

use super::Target;

/// A status that a request may expect.
pub type HttpStatus = BoundedInt<200, 599>;
/// How many redirects are followed at most.
pub type Redirects = BoundedInt<0, 10>;
/// How long connecting may take: to 5 minutes.
pub type ConnectTimeout = BoundedDuration<1, 300_000>;
/// How long a request may take: to a day.
pub type RequestTimeout = BoundedDuration<1, 86_400_000>;

/// One request, and what becomes of its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpTask {
    /// What is asked for.
    pub method: Property<HttpMethod>,
    /// Where: `http://` or `https://`, without user and password.
    pub url: Template,
    /// Header fields in the order of the file.
    pub headers: Vec<(String, Template)>,
    /// What is sent along.
    pub body: Option<HttpBody>,
    /// The statuses that mean success; none given means 200 to 299.
    pub expected_status: Vec<Property<HttpStatus>>,
    /// What becomes of the answer's body; `None`: it is passed over.
    pub answer: Option<HttpAnswer>,
    /// The variable that gets the status, of type int64.
    pub status_into: Option<Target>,
    /// How many redirects are followed.
    pub redirects_max: Property<Redirects>,
    /// The file with the authorities that are trusted instead of the machine's: absolute, or relative to the project's
    /// folder.
    pub ca_file: Option<Template>,
    /// How long connecting may take.
    pub connect_timeout: Property<ConnectTimeout>,
    /// How long all may take, redirects and bodies included.
    pub request_timeout: Property<RequestTimeout>,
}

/// A file within a folder that is told.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpFile {
    /// The folder: absolute, or relative to the project's; `None` is the usual one of the key.
    pub folder: Option<Template>,
    /// The path of the file in it.
    pub path: Template,
}

/// What a request sends.
#[derive(Debug, Clone, PartialEq)]
pub enum HttpBody {
    /// A text.
    Text(Template),
    /// A file, of the project if no folder is told.
    File(HttpFile),
}

/// What becomes of an answer's body.
#[derive(Debug, Clone, PartialEq)]
pub enum HttpAnswer {
    /// A variable gets it.
    Variable(Target),
    /// It goes into a file, of the work folder if no folder is told.
    File {
        /// Which one.
        file: HttpFile,
        /// Whether a file that is there already is replaced.
        overwrite: Property<bool>,
    },
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    /// Reads.
    Get,
    /// Reads the head of the answer alone.
    Head,
    /// Hands something in.
    Post,
    /// Puts something in a place.
    Put,
    /// Changes something.
    Patch,
    /// Removes something.
    Delete,
    /// Asks what is allowed.
    Options,
}

impl Word for HttpMethod {
    const ALL: &'static [HttpMethod] = &[
        HttpMethod::Get,
        HttpMethod::Head,
        HttpMethod::Post,
        HttpMethod::Put,
        HttpMethod::Patch,
        HttpMethod::Delete,
        HttpMethod::Options,
    ];

    fn name(self) -> &'static str {
        match self {
            HttpMethod::Get => "GET",
            HttpMethod::Head => "HEAD",
            HttpMethod::Post => "POST",
            HttpMethod::Put => "PUT",
            HttpMethod::Patch => "PATCH",
            HttpMethod::Delete => "DELETE",
            HttpMethod::Options => "OPTIONS",
        }
    }
}

impl HttpMethod {
    /// Whether it only reads, so that a body makes no sense and a redirect may be followed.
    fn only_reads(self) -> bool {
        matches!(self, HttpMethod::Get | HttpMethod::Head)
    }

    /// Why the property `key` does not go with it, if so.
    pub fn refuses(self, key: &str) -> Option<String> {
        let name = self.name();
        match key {
            "body" | "body-file" if self.only_reads() => Some(format!("`{key}` goes with no {name} request")),
            "into" | "to-file" if self == HttpMethod::Head => {
                Some(format!("`{key}` gets nothing: an answer to {name} has no body"))
            }
            "follow-redirects" if !self.only_reads() => {
                Some(format!("redirects of a {name} request are not followed"))
            }
            _ => None,
        }
    }
}

impl HttpTask {
    /// Whether all that the task says goes with `method`.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self, method: HttpMethod) -> Result<(), String> {
        let body = self.body.as_ref().map(|body| match body {
            HttpBody::Text(_) => "body",
            HttpBody::File(_) => "body-file",
        });
        let answer = self.answer.as_ref().map(|answer| match answer {
            HttpAnswer::Variable(_) => "into",
            HttpAnswer::File { .. } => "to-file",
        });
        let redirects = (self.redirects_max != Property::default()).then_some("follow-redirects");
        let given = [body, answer, redirects];
        given.into_iter().flatten().find_map(|key| method.refuses(key)).map_or(Ok(()), Err)
    }
}

//! Uploads, good and malicious. The bad ones must be refused with AWS's text and leave nothing behind.

//! RAM, buses, interrupt routing, time, boot; knows no device by name.

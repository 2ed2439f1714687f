//! Description of a machine's configuration, so that a state is restored only to an equal machine.

use crate::MachineDifference;

/// Named properties of a machine, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    properties: Vec<(String, String)>,
}
crate::codec_struct!(Description { properties });

impl Description {
    /// Appends a property.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.properties.push((name.into(), value.into()));
    }

    /// Compares the description of a saved machine with that of the machine `here`.
    ///
    /// # Errors
    /// The first difference.
    pub fn matches(&self, here: &Description) -> Result<(), MachineDifference> {
        for (name, saved) in &self.properties {
            match here.value(name) {
                None => return Err(MachineDifference::OnlySaved { name: name.clone() }),
                Some(value) if value != saved => {
                    let (name, saved, here) = (name.clone(), saved.clone(), value.to_owned());
                    return Err(MachineDifference::Value { name, saved, here });
                }
                Some(_) => {}
            }
        }
        match here.properties.iter().find(|(name, _)| self.value(name).is_none()) {
            Some((name, _)) => Err(MachineDifference::OnlyHere { name: name.clone() }),
            None => Ok(()),
        }
    }

    /// Returns the names of all properties, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.properties.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the value of a property.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(properties: &[(&str, &str)]) -> Description {
        let mut description = Description::default();
        properties.iter().for_each(|(name, value)| description.add(*name, *value));
        description
    }

    #[test]
    fn each_kind_of_difference_is_named() {
        let here = of(&[("RAM", "512 MiB"), ("device hpet", "yes")]);
        assert_eq!(here.matches(&here), Ok(()));
        assert!(here.names().eq(["RAM", "device hpet"]));
        let table = [
            (&[("RAM", "1024 MiB"), ("device hpet", "yes")][..], "its RAM is 1024 MiB, this one's 512 MiB"),
            (&[("RAM", "512 MiB")], "it has no device hpet, which this one has"),
            (
                &[("RAM", "512 MiB"), ("device hpet", "yes"), ("device vga", "yes")],
                "it has device vga, which this one has not",
            ),
        ];
        for (saved, text) in table {
            let error = of(saved).matches(&here).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), Some(text));
        }
    }
}

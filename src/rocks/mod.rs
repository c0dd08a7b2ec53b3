//! The rules of Rocks' attributes, without a database: names and values, precedence, host arguments,
//! changes and conflicts.

pub(crate) mod attribute;
mod change;
mod cluster;
mod cluster_change;
mod conflicts;
mod effects;
mod guest_cards;
mod hosts;
mod owners;
mod source;
mod text;

pub use attribute::{AttributeName, CardReference, GuestCards, NameError, ValueError};
pub use change::{Change, ChangeError, OwnAttribute, Write, plan_change};
pub use cluster::{Attribute, Category, Cluster, Node, NodeId};
pub use conflicts::{Conflict, HostGroups, conflicts_of};
pub use effects::{Effect, Inherited, Judged, effects_of};
pub use guest_cards::{GuestError, cards_of_guest, moved_cards_of_guest};
pub use hosts::{
    Directory, HostError, Interface, LookupError, Resolver, check_node_name, hosts_named,
};
pub use owners::{GuestsOf, owners_of};
pub use source::{AttributeSource, Origin};
pub use text::Text;

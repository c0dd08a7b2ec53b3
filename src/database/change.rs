//! The statements of a change, inside a transaction.

use crate::database::error::Cause;
use crate::database::rows::{self, malformed};
use crate::database::session::{Cell, Fault, Session};
use crate::database::statements;
use crate::rocks::{Change, ChangeError, Text, Write, plan_change};

/// `catindex.Name` is half as wide as `nodes.Name`.
const MEMBER_BYTES_MAX: usize = 64;

/// The node that a change creates first, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewNode {
    None,
    Host,
    Guest,
}

/// Applies `change` to the host `name`, inside a transaction; returns how many rows were written.
pub(super) fn apply_change(
    session: &mut dyn Session,
    name: &Text,
    new_node: NewNode,
    change: &Change,
) -> Result<usize, Fault> {
    if name.as_bytes().len() > MEMBER_BYTES_MAX {
        let why =
            format!("the name of a host with attributes can have at most {MEMBER_BYTES_MAX} bytes");
        return Err(Fault::Other(Cause::new(why)));
    }
    if new_node != NewNode::None {
        create_node(session, name, new_node)?;
    }
    let name = Cell::from(name);
    let own = session.rows_to_change(statements::OWN_ATTRIBUTES, std::slice::from_ref(&name))?;
    let own = rows::own_attributes(own).map_err(malformed)?;
    let writes = plan_change(&own, change)?;
    let mut member = None;
    for write in &writes {
        match write {
            Write::Update { id, value } => {
                let parameters = [Cell::from(value.as_ref()), (*id).into()];
                session.execute(statements::UPDATE_ATTRIBUTE, &parameters)?;
            }
            Write::Delete { id } => {
                session.execute(statements::DELETE_ATTRIBUTE, &[(*id).into()])?;
            }
            Write::Insert {
                name: attribute,
                value,
            } => {
                let (category, member) = match member {
                    Some(found) => found,
                    None => *member.insert(member_for(session, &name)?),
                };
                let value = Cell::from(value.as_ref());
                let parameters = [
                    attribute.as_str().into(),
                    value,
                    category.into(),
                    member.into(),
                ];
                let inserted = session.execute(statements::INSERT_ATTRIBUTE, &parameters);
                inserted.map_err(|fault| exists_if_duplicate(fault, attribute))?;
            }
        }
    }
    Ok(writes.len())
}

/// A duplicate row means that another client added the attribute meanwhile.
fn exists_if_duplicate(fault: Fault, attribute: &str) -> Fault {
    match fault {
        Fault::Duplicate(_) => Fault::Change(ChangeError::Exists(attribute.to_owned())),
        other => other,
    }
}

fn create_node(session: &mut dyn Session, name: &Text, new_node: NewNode) -> Result<(), Fault> {
    if !session.rows(statements::NODE, &[name.into()])?.is_empty() {
        // Another client created it meanwhile.
        return Ok(());
    }
    let appliance = match new_node {
        NewNode::Guest => "hosted-vm",
        NewNode::Host | NewNode::None => "vm-container",
    };
    let membership = session.rows(statements::MEMBERSHIP, &[appliance.into()])?;
    let membership = rows::first_id(&membership).map_err(malformed)?;
    let membership = membership.map_or(Cell::Null, Cell::Int);
    let node = session.execute(statements::INSERT_NODE, &[name.into(), membership])?;
    if new_node == NewNode::Guest {
        session.execute(statements::INSERT_GUEST, &[node.into()])?;
    }
    Ok(())
}

/// The ids of the category `host` and of its member `name`, which is created if it does not exist.
fn member_for(session: &mut dyn Session, name: &Cell) -> Result<(i64, i64), Fault> {
    let category = rows::first_id(&session.rows(statements::HOST_CATEGORY, &[])?);
    let category = category.map_err(malformed)?;
    let category =
        category.ok_or_else(|| malformed(rows::Malformed("there is no category \"host\"")))?;
    let key = [name.clone(), category.into()];
    let member = rows::first_id(&session.rows(statements::MEMBER, &key)?).map_err(malformed)?;
    match member {
        Some(member) => Ok((category, member)),
        None => Ok((category, session.execute(statements::INSERT_MEMBER, &key)?)),
    }
}

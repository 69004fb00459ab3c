//! AWS's wire world: shapes, routes, constraints, protocols, signatures, ARNs.

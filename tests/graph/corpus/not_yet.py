"""Graphs of the corpus that the check does not yet judge rightly; a mark goes when its graph is."""

from __future__ import annotations

#: Broken graphs that pass.
ACCEPTED = frozenset(
    {
        # annotations
        "writes an empty tuple",
        "writes a final",
        "writes a channel with a number for its name",
        "writes a channel with an empty name",
        "writes a channel with None for its name",
        "writes a channel with a type for its name",
        "reads a channel with a number for its name",
        "reads a channel with an empty name",
        "the run, twice",
        # settings
        "a timeout that is no number",
        "a timeout that is true",
        "two and a half attempts",
        "attempts that are true",
        "attempts that are no number",
        "a cache that is no number",
        "a cache that is true",
        "a setting that is given twice",
        "a list by default",
        "a dict by default",
        "a set by default",
        "a list for a tuple by default",
        "a word for a number by default",
        "None for a number by default",
        "a misspelt word by default",
        "a changing object by default",
        "a lock by default",
        "a field whose default has another type",
        "a channel without a name",
        "a written channel without a name",
        # names
        "a workflow named with None",
        "a workflow named with nothing",
        "a workflow named with a blank",
        "a node named with a blank",
        "a workflow named with a tab",
        "a node named with a tab",
        "a workflow named with two lines",
        "a node named with two lines",
        "a workflow named with a line end",
        "a node named with a line end",
        "a workflow named with a null",
        "a node named with a null",
        "a workflow named with a number",
        "a workflow named with true",
        "a workflow named with bytes",
        "a workflow named with a list",
        "a workflow named with a type",
        "a workflow named with the end of the graph",
        "a node named with the end of the graph",
        "a workflow named with the start of the graph",
        "a node named with the start of the graph",
        "a workflow named with a colon",
        "a node named with a colon",
        "a workflow named with a bar",
        "a node named with a bar",
        "a workflow named with a hash",
        "a node named with a hash",
        "a nested workflow named with None",
        "a nested workflow named with nothing",
        "a nested workflow named with two lines",
        "a nested workflow named with a number",
        "a nested workflow named with the end of the graph",
        "a nested workflow named with a bar",
        "a channel named with a blank",
        "a channel named with two lines",
        "a channel named with a colon",
        "a channel named with a null",
        "an annotated channel of two lines",
        "a function named as the end",
        "a function named as the start",
        "a node named as the second of another",
        "a workflow named as the end, inside each",
        "a node named route_by_length.end",
        "a node named repeat.begin",
        "a node named repeat.end",
        "a node named each_facets.item",
        "a node named each_facets.collect",
        # flow
        "an optional name that nobody writes",
        "an optional name with None inside",
        "an optional name, the old way",
        # each
        "true at once",
        "two and a half at once",
        "not a number at once",
        "a body that does not read its item",
        "a body of two nodes that do not read the item",
        "a body that reads another item",
        "a body that gives its value on one path only",
        "each without a collector",
        "each in a workflow that ends",
        # routes
        "a route whose choices all do nothing",
        "a route by equal labels",
        "a selector that reads a misspelt channel",
        # loops
        "a loop of true rounds",
        "a loop of two and a half rounds",
        "a loop of endless rounds",
        "a loop of rounds that are no number",
        "a loop of nothing",
        "a loop of choices that do nothing",
        "a condition on a misspelt channel",
        "a condition on the question",
        "a condition on what was written before the loop",
        "a condition on what another name holds",
        "a body without an effect on the condition",
        "a loop in a loop whose condition is the outer one's",
        # workflows
        "inputs of one type twice",
        "inputs of None within",
        "an inner output that nobody writes",
        "an inner workflow of nothing",
        "an inner workflow that does not read its item",
    }
)

#: Broken graphs whose error is none of ours, and so names neither the node nor the other faults.
RAISED = frozenset(
    {
        # things
        "node of a partial",
        "node of a callable object",
        "node of a number",
        "node of a string",
        "node of a list",
        "node of a workflow",
        "node of a coroutine",
        "node of a builtin without a signature",
        "node of a builtin class",
        "node of an item getter",
        "node of a property",
        # annotations
        "writes a name that does not parse",
        "writes a sentence",
        "writes an empty string",
        "writes a list around a type",
        "writes a dict around a type",
        "reads a name that does not parse",
        "reads a list around a type",
        "reads a string that is no name",
        # settings
        "a timeout as text",
        "a timeout as a list",
        "attempts as text",
        "a cache as text",
        "a bad timeout of a later place",
        "a field whose default is a list",
        "a field whose default is a dict",
        # names
        "a node named with a number",
        "a node named with true",
        "a node named with bytes",
        "a node named with a list",
        "a node named with a type",
        # each
        "each over a list",
        "eight at once, as text",
        "no number at once",
        # routes
        "a route of a list",
        "a route of a tuple",
        "a route of one node",
        "a route of None",
        "a route of a word",
        "a selector that is a partial",
        # loops
        "a loop of rounds as text",
        "a loop without a number of rounds",
        "a loop of rounds as a list",
        "a condition that is a partial",
        # workflows
        "outputs of a type",
        "outputs of a number",
        "outputs of None",
        "outputs of true",
        "inputs of a type",
        "inputs of a number",
        "inputs of None",
        "an inner workflow with outputs of a type",
        "a workflow in itself",
        "two workflows in each other",
    }
)

#: Broken graphs whose error does not say what is wrong with them.
UNCLEAR = frozenset(
    {
        # things
        "node of nothing",
        "node of a class",
        "node of a type that flows",
        "node of a node class",
        "node of a node",
        "a node without its work",
        "the bare Node",
        # annotations
        "writes a tuple around types",
        "writes a pair with None",
        # settings
        "a changing object in a field",
        "a list inside a field",
        # flow
        "an optional read of a misspelt name",
        "an optional name in capitals",
        "an optional read that is sent to a misspelt name",
        "faults of four kinds at once",
        # fusions
        "a fusion into another type",
        "a fusion into nothing",
        "a fusion without a type",
        # each
        "each over the name of a type",
        "a body whose paths end in other types",
        # workflows
        "outputs of the name of a type",
        "outputs of names of types",
        "outputs of a union",
        "outputs of an empty name",
        "inputs of the name of a type",
        "inputs of names of types",
        "inputs of a union",
    }
)

#: Right graphs that are refused.
REFUSED = frozenset({"a name that is kept"})

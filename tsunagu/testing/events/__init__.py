"""Events as AWS's services hand them to a function, with realistic ids, in the shapes of AWS's documentation."""

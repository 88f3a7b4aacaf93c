"""The adapters of AWS's services. All other code of the runtime uses protocols, which these classes implement."""

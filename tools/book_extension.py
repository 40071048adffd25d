"""Sphinx extension with the two things that the book mends: layers' signatures, and scripts that it does not use."""

import inspect


def layer_signature(app, what, name, obj, options, signature, return_annotation):
    """Show the arguments of a layer's __init__, which Keras hides behind (*args, **kwargs)."""
    if what != "class" or not hasattr(obj, "get_config"):
        return None
    own = inspect.signature(inspect.unwrap(obj.__init__))
    return str(own.replace(parameters=list(own.parameters.values())[1:])), None


def drop_thebe(app, pagename, templatename, context, doctree):
    """Leave out Thebe's scripts: they are added twice, which is an error, and would load code from elsewhere."""
    context["script_files"] = [s for s in context["script_files"] if "thebe" not in script_text(s).lower()]


def script_text(script):
    """Where a script comes from, or what it says."""
    return f"{getattr(script, 'filename', script)} {getattr(script, 'attributes', {}).get('body', '')}"


def setup(app):
    """Connect to autodoc, and to the pages after every other extension has added its scripts."""
    app.connect("autodoc-process-signature", layer_signature)
    app.connect("html-page-context", drop_thebe, priority=999)
    return {"parallel_read_safe": True}

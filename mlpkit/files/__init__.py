"""Files without code: values as JSON, arrays as safetensors, both in one zip."""

"""The only room that says verl, ray and vllm: it plays episodes on many processes and learns from them."""

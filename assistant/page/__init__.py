"""The Gradio page: a conversation, its HTML, and the page itself; nothing else imports gradio."""

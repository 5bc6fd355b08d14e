"""The sandbox model: a server that speaks OpenAI's chat API and answers by a script, without any key of a vendor."""

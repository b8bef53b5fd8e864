"""The API up to the answer: files coming in, the versions made of them, and assessments handed in. The services are the pages' own."""

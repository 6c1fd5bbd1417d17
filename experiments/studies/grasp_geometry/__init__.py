"""Does a guessed solid help to tell which grasps hold?"""
